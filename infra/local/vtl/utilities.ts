/**
 * What `$util` of API Gateway does to a string.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
 */
export const UTILITIES: Readonly<Record<string, (text: string) => string>> = {
  base64Encode: (text) => Buffer.from(text).toString("base64"),
  escapeJavaScript: (text) => text.replace(/['"\\/]|[^ -~]/g, escapeCharacter),
  urlDecode: (text) => decodeURIComponent(text.replace(/\+/g, "%20")),
  urlEncode,
};

/** As Java's URLEncoder: letters, digits and ".-*_" stay, a space is "+", all else is percent-encoded UTF-8. */
function urlEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%20/g, "+");
}

const SHORT: Readonly<Record<string, string>> = { "\b": "b", "\n": "n", "\t": "t", "\f": "f", "\r": "r" };

/** As StringEscapeUtils of Apache's commons-lang, by which the documentation's example is explained. */
function escapeCharacter(character: string): string {
  if (/['"\\/]/.test(character)) return `\\${character}`;
  const short = SHORT[character];
  if (short !== undefined) return `\\${short}`;
  return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}
