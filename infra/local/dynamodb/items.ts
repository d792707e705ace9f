/** Items as they travel, their sizes, and what DynamoDB charges for them. */

/** One of DynamoDB's typed values, such as `{ S: "text" }`. */
export type AttributeValue = Readonly<Record<string, unknown>>;
export type Item = Readonly<Record<string, AttributeValue>>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isItem(value: unknown): value is Item {
  return isRecord(value) && Object.values(value).every(isRecord);
}

/**
 * Bytes of an item as DynamoDB counts them: names and strings in UTF-8, numbers by digits, 3 bytes for a list or map and 1
 * for each of its elements.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

/** Write request units for an item of so many bytes: one for each KB begun, one at least. */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 1024));
}

/** Read request units for so many bytes read at once: one for each 4 KB begun, one at least, half of it unless consistent. */
export function readUnits(bytes: number, consistent: boolean): number {
  return Math.max(1, Math.ceil(bytes / 4096)) * (consistent ? 1 : 0.5);
}

function valueBytes(value: AttributeValue): number {
  const [type, content] = Object.entries(value)[0] ?? ["NULL", true];
  switch (type) {
    case "S":
      return Buffer.byteLength(String(content));
    case "N":
      return numberBytes(String(content));
    case "B":
      return Buffer.byteLength(String(content), "base64");
    case "SS":
    case "NS":
    case "BS":
      return elements(content).reduce<number>((sum, each) => sum + valueBytes({ [type.charAt(0)]: each }), 0);
    case "L":
      return elements(content).reduce<number>((sum, each) => sum + 1 + nestedBytes(each), 3);
    case "M":
      return isItem(content) ? 3 + Object.keys(content).length + itemBytes(content) : 3;
    default:
      // NULL and BOOL
      return 1;
  }
}

function nestedBytes(value: unknown): number {
  return isRecord(value) ? valueBytes(value) : 0;
}

function elements(content: unknown): readonly unknown[] {
  return Array.isArray(content) ? content : [];
}

/** "Approximately: 1 byte per two significant digits, plus 1 byte", and one for the sign. */
function numberBytes(text: string): number {
  const digits = text
    .toLowerCase()
    .replace(/e.*$/, "")
    .replace(/[-+.]/g, "")
    .replace(/^0+/, "")
    .replace(/0+$/, "");
  return Math.ceil(digits.length / 2) + 1 + (text.startsWith("-") ? 1 : 0);
}
