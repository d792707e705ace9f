export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

export const grouped = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: digits });

const WIDTH = 115;
/** What Markdown takes line by line: tables, headings, pictures, HTML, comments. */
const KEPT = /^\s*(?:\||#|!\[|<|$)/;
const ITEM = /^(\s*(?:[-*]|\d+\.) +)(.*)$/;
/** Code is not torn apart, and neither is what belongs to a link. */
const WORD = /(?:`[^`]*`|\S)+/g;
/** At the beginning of a line these would be a list, a heading or a quotation. */
const MARK = /^(?:[-+*]|\d+[.)]|#+|>.*)$/;

/** Wraps paragraphs and list items; tables, code blocks and headings stay as they are. */
export function wrapped(markdown: string): string {
  const lines: string[] = [];
  let block: { first: string; next: string; words: string[] } | undefined;
  let fenced = false;
  const flush = () => {
    if (block) lines.push(...fill(block.first, block.next, block.words));
    block = undefined;
  };
  for (const line of markdown.split("\n")) {
    const fence = /^\s*```/.test(line);
    if (fence) fenced = !fenced;
    if (fence || fenced || KEPT.test(line)) {
      flush();
      lines.push(line);
      continue;
    }
    const item = ITEM.exec(line);
    if (item) flush();
    const [, marker = /^\s*/.exec(line)?.[0] ?? "", text = line] = item ?? [];
    block ??= { first: marker, next: " ".repeat(marker.length), words: [] };
    block.words.push(...(text.match(WORD) ?? []));
  }
  flush();
  return lines.join("\n");
}

function fill(first: string, next: string, words: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = first + (words[0] ?? "");
  for (const word of words.slice(1)) {
    if (line.length + 1 + word.length <= WIDTH || MARK.test(word)) line += ` ${word}`;
    else {
      lines.push(line);
      line = next + word;
    }
  }
  return [...lines, line];
}
