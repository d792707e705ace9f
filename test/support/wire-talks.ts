import type { Talk } from "./wire-talk.ts";

type Row = readonly [name: string, frames: string | readonly string[], differs?: Talk["differs"]];

const talks = (before: readonly string[], rows: readonly Row[]): Talk[] =>
  rows.map(([name, frames, differs]) => ({
    name,
    frames: typeof frames === "string" ? [frames] : frames,
    before,
    ...(differs && { differs }),
  }));
const connected = (rows: readonly Row[]): Talk[] => talks(["40"], rows);
const opened = (rows: readonly Row[]): Talk[] => talks([], rows);

/** Each level is one character, and one more to close it. */
const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

const CONNECTED = '40{"sid":"…"}';
const QUESTION = '42<id>["question"]';
const WAITS = {
  why: "The rest of a packet may still be on its way: its header waits.",
  isOfBatches: true,
} as const;
const DEEP = "More than 1,000 levels are refused: JSON.stringify and its like end the stack on them.";

/** Packets of Engine.IO. What stands alone is in the parity test. */
export const engine = connected([
  ["an open packet with data", '0{"sid":"x"}'],
  ["a close packet with data", "1why"],
  ["a probe's answer", "3probe"],
  ["a pong with data", "3x"],
  ["an upgrade with data", "5x"],
  ["a noop with data", "6x"],
  ["a type of Engine.IO that does not exist", "7"],
  ["a space before the packet", ' 42["x"]'],
  ["a byte order mark before the packet", '\ufeff42["x"]'],
  ["NUL", "\u0000"],
  ["an emoji", "💥"],
  ["a digit that is none of ASCII", "４２"],
  ["several packets in one frame, as in polling", '42["a"]\u001e42["b"]'],
  ["binary data as Engine.IO 3 writes it", "b4AQID"],
]);

export const connects = opened([
  ["CONNECT", "40"],
  ["CONNECT with a comma", "40,"],
  ["CONNECT to / by name", "40/,"],
  ["CONNECT to / by name, without a comma", "40/"],
  ["CONNECT with auth", '40/auth,{"token":"t","list":[1,null]}'],
  ["CONNECT with empty auth", "40/auth,{}"],
  ["auth with __proto__", '40/auth,{"__proto__":{"polluted":1},"a":1}'],
  ["auth with the same key twice", '40/auth,{"a":1,"a":2}'],
  ["auth of 10 KB", `40/auth,{"a":"${"x".repeat(10_240)}"}`],
  ["auth with lone surrogates", '40/auth,{"a":"\\ud800"}'],
  ["auth behind a space", '40/auth, {"a":1}'],
  ["auth that is null", "40/auth,null"],
  ["auth that is a list", "40/auth,[]"],
  ["auth that is a number", "40/auth,5"],
  ["auth that is text", '40/auth,"token"'],
  ["auth that is true", "40/auth,true"],
  ["auth that is cut off", '40/auth,{"a":'],
  ["auth with something behind it", '40/auth,{"a":1}x'],
  ["auth with single quotes", "40/auth,{'a':1}"],
  ["auth with an id before it", '40/auth,7{"a":1}'],
  ["no comma between namespace and auth", '40/auth{"a":1}'],
  ["a namespace without a slash", "40chat,"],
  ["a namespace with two slashes", "40//chat,"],
  ["a namespace with a slash behind", "40/chat/,"],
  ["a namespace in capitals", "40/CHAT,"],
  ["a namespace with a space", "40/ chat,"],
  ["a namespace with a query", "40/chat?token=1,"],
  ["a namespace with a fragment", "40/chat#1,"],
  ["an encoded namespace", "40/%63hat,"],
  ["a namespace with dots", "40/../chat,"],
  ["a namespace of JavaScript's", "40/__proto__,"],
  ["another one of JavaScript's", "40/constructor,"],
  ["a namespace that nobody knows", "40/nowhere,"],
  ["a namespace of 10 KB", `40/${"n".repeat(10_240)},`],
  ["a namespace with NUL", "40/\u0000,"],
  ["a namespace with an emoji", "40/💥,"],
  ["a namespace of a pattern", "40/dynamic-1,"],
  ["a namespace of a pattern with an odd name", "40/dynamic-#~%2F\u0000💥 ü,"],
  ["a namespace of a pattern of 10 KB", `40/dynamic-${"n".repeat(10_240)},`],
  ["the same namespace of a pattern twice", ["40/dynamic-1,", "<1 heard>", "40/dynamic-1,"]],
  ["two namespaces", ["40/chat,", "40/auth,"]],
  ["refused, and then elsewhere", ["40/nowhere,", "40/chat,"]],
]);

export const beforeConnect = opened([
  ["DISCONNECT", "41"],
  ["DISCONNECT of a namespace", "41/chat,"],
  ["an event with an id", '421["x"]'],
  ["an event of another namespace", '42/chat,["x"]'],
  ["CONNECT_ERROR", '44{"message":"no"}'],
  ["a header", '451-["x",{"_placeholder":true,"num":0}]', { ...WAITS, ours: [] }],
  ["a heartbeat's answer", "3"],
]);

export const disconnects = connected([
  ["with a comma", "41,"],
  ["of / by name", "41/,"],
  ["of a namespace that it is not in", "41/chat,"],
  ["with an id", "417"],
  ["with null", "41null"],
]);

export const events = connected([
  ["an event", '42["x",1,"two",{"three":3},[4],null,true]'],
  ["an event of / by name", '42/,["x"]'],
  ["with an id", '427["x"]'],
  ["with id 0", '420["x"]'],
  ["with zeros before the id", '42007["x"]'],
  ["with an id above 2^31", '424294967296["x"]'],
  ["with an id above 2^53", '4299999999999999999999["x"]'],
  ["with an id of 400 digits", `42${"9".repeat(400)}["x"]`],
  ["with a negative id", '42-1["x"]'],
  ["with a fraction for an id", '421.5["x"]'],
  ["with an exponent in the id", '421e3["x"]'],
  ["with a hexadecimal id", '420x1f["x"]'],
  ["with a space before the id", '42 7["x"]'],
  ["with a space before the data", '42 ["x"]'],
  ["with a line break before the data", '42\n["x"]'],
  ["an id without data", "427"],
  ["an empty name", '42["",1]'],
  ["a name of 10 KB", `42["${"n".repeat(10_240)}"]`],
  ["a name that JavaScript has", '42["__proto__",1]'],
  ["a name that is a number", "42[5,1]"],
  ["a name that is a large number", "42[1e400,1]"],
  ["a name that is true", "42[true]"],
  ["a name that is a list", '42[["x"]]'],
  ["a name that is an object", '42[{"x":1}]'],
  ["a name that is an object with its own text", '42[{"toString":"x"}]'],
  ["the name newListener", '42["newListener"]'],
  ["the name removeListener", '42["removeListener"]'],
  ["the name connect_error", '42["connect_error"]'],
  ["the name disconnecting", '42["disconnecting"]'],
  ["the name connect with another argument", '42["connect",1]'],
  ["the name error", '42["error","x"]'],
  ["the name connection", '42["connection"]'],
  ["no data but text", '42"x"'],
  ["no data but null", "42null"],
  ["no data but a number behind an id", "421 5"],
  ["data that is cut off in a string", '42["x'],
  ["data that is cut off in an escape", '42["x\\u00'],
  ["data with something behind it", '42["x"]]'],
  ["data with a NUL behind it", '42["x"]\u0000'],
  ["two lists", '42["x"]["y"]'],
  ["a comma too much", '42["x",]'],
  ["a comment", '42["x"/*y*/]'],
  ["NaN", '42["x",NaN]'],
  ["a line break in a string", '42["x\n"]'],
  ["a number of 1,000 digits", `42["x",${"9".repeat(1_000)}]`],
  ["a fraction of 1,000 digits", `42["x",0.${"3".repeat(1_000)}]`],
  ["a number that is no number", '42["x",01]'],
  ["lone surrogates", '42["x","\\ud800","\\udc00\\ud800"]'],
  ["text of all planes", '42["ü","你好","💥","\u2028","\u007f"]'],
  ["a key __proto__", ['42["x",{"__proto__":{"polluted":1}}]', '421["polluted?"]']],
  ["a key constructor", ['42["x",{"constructor":{"prototype":{"polluted":1}}}]', '421["polluted?"]']],
  ["an object that looks like binary data", '42["x",{"_placeholder":true,"num":0}]'],
  ["1,000 levels", `42["x",${nested(999)}]`],
  ["2,000 levels", `42["x",${nested(2_000)}]`, { why: DEEP, ours: [CONNECTED, "closed"] }],
  ["10,000 arguments", `42["x"${",1".repeat(10_000)}]`],
  ["a namespace that it is not in", '42/chat,["x"]'],
  ["a namespace without a comma", '42/chat["x"]'],
  ["nothing behind the namespace", "42/chat,"],
  ["nothing behind its own namespace", "42/,"],
]);

export const types = connected([
  ["no type", "4"],
  ["a space for a type", '4 ["x"]'],
  ["type 7", "47"],
  ["type 9", '49["x"]'],
  ["two digits that are one type", '402["x"]'],
  ["a negative type", '4-2["x"]'],
  ["a fraction", '4.2["x"]'],
  ["CONNECT_ERROR with text", '44"no"'],
  ["CONNECT_ERROR without data", "44"],
]);

/** After a question of the server's. */
export const answers = connected([
  ["the answer", '43<id>["a",1,null]'],
  ["an empty answer", "43<id>[]"],
  ["no data", ["43<id>", '43<id>["late"]']],
  ["of / by name", '43/,<id>["a"]'],
  ["twice", ['43<id>["first"]', '43<id>["second"]']],
  ["with another id first", ['43<id>0["other"]', '43<id>["mine"]']],
  ["with zeros before the id", '4300<id>["a"]'],
  ["with a negative id first", ['43-1["a"]', '43<id>["mine"]']],
  ["with a fraction for an id", '43<id>.5["a"]'],
  ["with an exponent in the id", '43<id>e1["a"]'],
  ["with no number for an id", '43x["a"]'],
  ["with an id of 400 digits first", [`43${"9".repeat(400)}["a"]`, '43<id>["mine"]']],
  [
    "in a namespace that it is not in",
    '43/chat,<id>["a"]',
    {
      why: "It may have overtaken the CONNECT that was sent before it: dropped.",
      ours: [CONNECTED, QUESTION, '42["answered","by nobody"]'],
    },
  ],
  ["that is an object", '43<id>{"a":1}'],
  ["that is null", "43<id>null"],
  ["that is cut off", '43<id>["a"'],
  ["that asks for an answer", '43<id>["a",{"_placeholder":true,"num":0}]'],
  ["with __proto__", '43<id>[{"__proto__":{"polluted":1}}]'],
  ["with binary data", ['461-<id>[{"_placeholder":true,"num":0}]', "bAQID"]],
  ["of 2,000 levels", `43<id>[${nested(2_000)}]`, { why: DEEP, ours: [CONNECTED, QUESTION, "closed"] }],
]);

const PLACEHOLDER = '{"_placeholder":true,"num":0}';

export const attachments = connected([
  ["one", [`451-["x",${PLACEHOLDER}]`, "bAQID"]],
  ["one, with an id", [`451-7["x",${PLACEHOLDER}]`, "bAQID"]],
  ["one of no bytes", [`451-["x",${PLACEHOLDER}]`, "b"]],
  ["two", ['452-["x",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', "bAQ==", "bAg=="]],
  ["one that is not used", ['451-["x","no placeholder"]', "bAQID"]],
  ["one that is used twice", [`451-["x",${PLACEHOLDER},${PLACEHOLDER}]`, "bAQID"]],
  ["a number beyond the last", ['451-["x",{"_placeholder":true,"num":1}]', "bAQID"]],
  ["a negative number", ['451-["x",{"_placeholder":true,"num":-1}]', "bAQID"]],
  ["a fraction", ['451-["x",{"_placeholder":true,"num":0.5}]', "bAQID"]],
  ["text for a number", ['451-["x",{"_placeholder":true,"num":"0"}]', "bAQID"]],
  ["a name that JavaScript has for a number", ['451-["x",{"_placeholder":true,"num":"length"}]', "bAQID"]],
  ["no number", ['451-["x",{"_placeholder":true}]', "bAQID"]],
  ["a placeholder that is not true", ['451-["x",{"_placeholder":1,"num":0}]', "bAQID"]],
  ["a name that is a placeholder", [`451-[${PLACEHOLDER}]`, "bAQID"]],
  ["a count of 0", `450-["x"]`],
  ["a negative count", `45-1-["x",${PLACEHOLDER}]`],
  ["a count of 1.5", `451.5-["x",${PLACEHOLDER}]`],
  ["a count of 11", `4511-["x",${PLACEHOLDER}]`],
  ["a count of 400 digits", `45${"9".repeat(400)}-["x",${PLACEHOLDER}]`],
  ["a hexadecimal count", [`450x1-["x",${PLACEHOLDER}]`, "bAQID"]],
  ["no count", `45["x",${PLACEHOLDER}]`],
  ["no data", "451-", { ...WAITS, ours: [CONNECTED] }],
  ["a count, and an event without a name", "451-[]"],
  ["a reserved name", `451-["disconnect",${PLACEHOLDER}]`],
  ["one before its header", ["bAQID", `451-["x",${PLACEHOLDER}]`]],
  ["one too many", [`451-["x",${PLACEHOLDER}]`, "bAQID", "<2 heard>", "bBAUG"]],
  [
    "an event instead of the attachment",
    [`451-["x",${PLACEHOLDER}]`, '42["y"]'],
    { ...WAITS, ours: [CONNECTED, '42["heard",["y"]]'] },
  ],
  ["a header instead of the attachment", [`451-["x",${PLACEHOLDER}]`, `451-["y",${PLACEHOLDER}]`]],
  ["a heartbeat's answer in between", [`451-["x",${PLACEHOLDER}]`, "3", "bAQID"]],
  ["base64 with what does not belong there", [`451-["x",${PLACEHOLDER}]`, "bAQ*ID "]],
]);
