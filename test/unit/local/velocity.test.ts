import { describe, expect, test } from "@jest/globals";
import { replacing } from "../../../infra/local/vtl/pattern.ts";
import { VelocityTemplate } from "../../../infra/local/vtl/template.ts";

const CONTEXT = {
  connectionId: "TXzPWdnOjoECGjA=",
  requestTimeEpoch: 1_741_366_062_027,
  identity: { sourceIp: "185.69.197.15" },
};

const render = (text: string, body = "", context: Readonly<Record<string, unknown>> = CONTEXT): string =>
  new VelocityTemplate(text).render({ body, context });

describe("a template", () => {
  test.each([
    ["text", "a=b&c", "a=b&c"],
    ["the body", "<$input.body>", "<42>"],
    ["the context", "$context.connectionId/$context.identity.sourceIp", "TXzPWdnOjoECGjA=/185.69.197.15"],
    ["a number of the context", "$context.requestTimeEpoch+", "1741366062027+"],
    ["what the context does not have", "<$context.nothing$context.identity.no$context.error.message>", "<>"],
    ["a variable", `#set($a = 'x')$a$${"{a}"}y`, "xxy"],
    ["a variable that is set again", "#set($a = $input.body)#set($a = $a.replaceAll('4', '5'))$a", "52"],
    ["the first branch that holds", "#if($input.body == '42')a#elseif($input.body == '42')b#else c#end", "a"],
    ["another branch", "#if($input.body == '1')a#elseif($input.body == '42')b#else c#end", "b"],
    ["the last branch", "#if($input.body == '1')a#elseif($input.body == '2')b#{else}c#end", "c"],
    ["nothing without a branch that holds", "<#if($input.body == '1')a#end>", "<>"],
    ["a variable as a branch leaves it", "#set($a = 'x')#if($input.body == '42')#set($a = 'y')#end$a", "y"],
    ["both of two", "#if($input.body == '42' && $context.connectionId == 'x')a#else b#end", " b"],
    ["one of two", "#if(($input.body == 'x') || $input.body == '42')a#else b#end", "a"],
    ["methods of utilities' results", "$util.urlEncode('a+b').replaceAll('%2B', '-')", "a-b"],
  ])("renders %s", (_what, text, expected) => {
    expect(render(text, "42")).toBe(expected);
  });

  test("evaluates nothing that comes with a request", () => {
    const body = "$context.connectionId #if('a' == 'a')x#end #set($a = 'y') $input.body \\$a";
    expect(render("#set($a = $input.body)$a", body)).toBe(body);
    expect(render("$context.authorizer.name", "", { authorizer: { name: "$input.body" } })).toBe(
      "$input.body",
    );
    expect(render("$input.body.replaceAll('x', '-')", "$1x$&x")).toBe("$1-$&-");
  });

  test("does not find what objects of JavaScript have", () => {
    expect(render("<$context.constructor$context.toString$context.identity.constructor>")).toBe("<>");
  });

  test("is rendered anew each time", () => {
    const template = new VelocityTemplate("#set($a = 'x')#if($input.body == '1')#set($a = 'y')#end$a");
    const bodies = ["1", "2", "1"].map((body) => template.render({ body, context: {} }));
    expect(bodies).toEqual(["y", "x", "y"]);
  });
});

describe("a template is refused, with its line and what is at fault, for", () => {
  test.each([
    ["other directives", "a#foreach($a in ['x'])$a#end", "#foreach", "only this is rendered"],
    ["macros", "#macro(a)x#end", "#macro(a)", "only this is rendered"],
    ["calls of macros", "#unknown('x')", "#unknown('x')", "only this is rendered"],
    ["what may be a directive", "#endAction", '"#e"', "may mean something else"],
    ["dollars without a name", "$ 5", '"$"', "may mean something else"],
    ["backslashes", "\\\\a", "may mean", "may mean something else"],
    ["comments", "## note", "## note", "only this is rendered"],
    ["line breaks", "a\nb", "its line break", "a template of one line"],
    [
      "records of the context",
      "$context.identity",
      "$context.identity",
      "or one of its authorizer, error, identity",
    ],
    ["properties of the context's texts", "$context.stage.x", "$context.stage.x", "a property of $context"],
    ["quiet references", "$!context.x", "$!context.x", "it may not be quiet"],
    ["variables that nobody sets", "$a", "$a", "not set before"],
    [
      "variables that one branch sets",
      "#if($input.body == 'x')#set($a = 'y')#end$a",
      "$a",
      "not in each case",
    ],
    ["another property of the input", "$input.json('$')", "$input.json(…)", "of $input there is body only"],
    [
      "other utilities",
      "$util.parseJson($input.body)",
      "$util.parseJson(…)",
      "of $util there are base64Encode",
    ],
    ["utilities of two arguments", "$util.urlEncode('a', 'b')", "$util.urlEncode(…)", "takes one argument"],
    [
      "other methods of strings",
      "$input.body.startsWith('3')",
      "$input.body.startsWith(…)",
      "replaceAll only",
    ],
    ["properties of strings", "$input.body.length", "$input.body.length", "replaceAll only"],
    ["indexes", "$input.body[0]", "$input.body[…]", "replaceAll only"],
    [
      "patterns that are not written out",
      "#set($p = 'a')$p.replaceAll($p, 'b')",
      "$p.replaceAll(…)",
      "a pattern and",
    ],
    [
      "patterns beyond Java's and JavaScript's",
      "$input.body.replaceAll('a|b', '')",
      "replaceAll(…)",
      "of patterns there",
    ],
    [
      "methods of what may be a number",
      "$context.requestTimeEpoch.replaceAll('1', '')",
      "requestTimeEpoch",
      "number on AWS",
    ],
    [
      "utilities of what may be a number",
      "$util.urlEncode($context.connectedAt)",
      "connectedAt",
      "number on AWS",
    ],
    [
      "comparing what may be a number",
      "#if($context.connectedAt == '1')#end",
      "connectedAt",
      "number on AWS",
    ],
    ["other comparisons", "#if($input.body != '3')a#end", "its condition", "only ==, && and ||"],
    ["conditions that are no comparison", "#if($input.body)a#end", "its condition", "only ==, && and ||"],
    ["numbers", "#set($a = 1)", "#set($a = 1)", "a string or a reference"],
    ["sums", "#set($a = 'x' + 'y')", "#set(", "a string or a reference"],
    ["lists", "#set($a = ['x'])", "#set(", "a string or a reference"],
    ["references in strings", '#set($a = "$input.body")', '"$input.body"', "write it in single quotes"],
    ["setting what is API Gateway's", "#set($context = 'x')", "#set", "API Gateway's own"],
    ["setting properties", "#set($context.x = 'y')", "#set", "no property of one"],
    ["what is no Velocity", "#if($input.body == 'x'", "#if(", "it is no Velocity"],
  ])("%s", (_what, text, at, why) => {
    const reading = () => new VelocityTemplate(text);
    expect(reading).toThrow(expect.objectContaining({ name: "VelocityError", line: 1 }));
    expect(reading).toThrow(/^line 1, /);
    expect(reading).toThrow(at);
    expect(reading).toThrow(why);
  });
});

describe("$util", () => {
  test("urlEncode is Java's URLEncoder", () => {
    expect(render("$util.urlEncode($input.body)", "aZ09.-*_ +%&=!'()~/\"\\\n😀\u2028")).toBe(
      "aZ09.-*_+%2B%25%26%3D%21%27%28%29%7E%2F%22%5C%0A%F0%9F%98%80%E2%80%A8",
    );
  });

  test("urlDecode reads it", () => {
    expect(render("$util.urlDecode($util.urlEncode($input.body))", "a +%😀\n")).toBe("a +%😀\n");
  });

  test("base64Encode and escapeJavaScript", () => {
    expect(render("$util.base64Encode($input.body)", "ä😀")).toBe("w6Twn5iA");
    expect(render("$util.escapeJavaScript($input.body)", "'\"\\/\n\täa\u0000")).toBe(
      "\\'\\\"\\\\\\/\\n\\t\\u00E4a\\u0000",
    );
  });
});

describe("replaceAll", () => {
  test.each([
    ["4", "5", "442", "552"],
    ["^4", "5", "442", "542"],
    ["^.{6}(.).*", "pong-$1", "TXzPWdnOjoECGjA=", "pong-n"],
    ["a.*", "", "xa\u0085y", "x\u0085y"],
    ["(?s)a.*", "", "xa\n\u0085\u2028y", "x"],
    ["(?s)^43.*", "43", "431[\u2028]\n", "43"],
    ["^43.*", "43", "431[\u2028]", "43\u2028]"],
    ["[a-c]+", "-", "xabcx", "x-x"],
    ["\\.", "", "a.b", "ab"],
    [".", "-", "😀", "-"],
    ["(a)(b)", "$2$1", "ab", "ba"],
  ])("%s by %s", (pattern, replacement, text, expected) => {
    expect(replacing(pattern, replacement)?.(text)).toBe(expected);
  });

  test.each([
    ["a|b", ""],
    ["(a)*", ""],
    ["(?i)a", ""],
    ["a(?=b)", ""],
    ["\\s", ""],
    ["a$", ""],
    ["[a&&b]", ""],
    ["*a", ""],
    ["(a", ""],
    ["a", "$1"],
    ["(a)", "$&"],
    ["(a)", "\\$1"],
  ])("does not take %s by %s, which Java reads in another way, or not at all", (pattern, replacement) => {
    expect(replacing(pattern, replacement)).toBeUndefined();
  });
});
