import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DISCONNECT_TEMPLATE, MESSAGE_TEMPLATE } from "../../../infra/constructs/line-templates.ts";
import { newId } from "../../../infra/local/api-gateway/ids.ts";
import { messageOf } from "../../../infra/local/api-gateway/message-form.ts";
import { VelocityTemplate } from "../../../infra/local/vtl/template.ts";
import { urlEncoded } from "../../support/line-queue.ts";

const CONTEXT = {
  connectionId: "TXzPWdnOjoECGjA=",
  messageId: "HEJv-dEm_AMCJPQ=",
  requestId: "HEJvQHXKoAMEi7A=",
  requestTimeEpoch: 1_741_366_062_027,
};
const FACTS = "TXzPWdnOjoECGjA= HEJv-dEm_AMCJPQ= 1741366062027";

const message = new VelocityTemplate(MESSAGE_TEMPLATE);
const sent = (body: string, context = CONTEXT) => messageOf(message.render({ body, context }));

const IN_ORDER = { groupId: CONTEXT.connectionId, deduplicationId: CONTEXT.messageId };

describe("a frame in the line", () => {
  test.each([
    ["a ping", "2"],
    ["a CONNECT", "40"],
    ["a CONNECT with auth", '40/admin,{"token":"a b+c"}'],
    ["an event", '42["a"]'],
    ["an event that wants an acknowledgement", '427["a"]'],
    ["an event of a binary's header", '451-["a",{"_placeholder":true,"num":0}]'],
    ["an acknowledgement with attachments, which come behind it", '461-1[{"_placeholder":true,"num":0}]'],
    ["an attachment", "bAQIDBA=="],
    ["nothing", ""],
    ["what only looks like a pong", "3probe"],
    ["what only looks like an acknowledgement", "4\n43"],
    ["spaces and signs of a form", '42["a  b+c%20d&MessageGroupId=x=y#z?"]'],
    ["quotes", `42["\\"it's\\" \\\\"]`],
    ["line breaks, escaped and not", '42["a\\nb\r\nc"]'],
    ["emoji", '42["👩‍💻😀"]'],
    ["line separators of Unicode", '42["\u2028\u2029\u0085"]'],
    [
      "Velocity",
      '42["$context.stage $frame $!kind #if(1)#end #set($group = 1) #[[x]]# ## $util.urlEncode(1)"]',
    ],
    ["what SQS takes in no body", '42/a\u0000\u0001\u001f,["\uFFFE\uFFFF"]'],
    ["32 KB", `42["${"ä b".repeat(8_190)}"]`],
  ])("is told as it came: %s", (_what, frame) => {
    expect(sent(frame)).toEqual({ ...IN_ORDER, body: `m ${FACTS} ${urlEncoded(frame)}` });
  });

  test("is told as it came, whatever it is", () => {
    const unit = fc.constantFrom<"grapheme" | "binary">("grapheme", "binary");
    const frames = unit
      .chain((unit) => fc.string({ unit, maxLength: 200 }))
      .filter((frame) => !/^43|^3$/u.test(frame));
    fc.assert(
      fc.property(frames, (frame) => {
        expect(sent(frame)).toEqual({ ...IN_ORDER, body: `m ${FACTS} ${urlEncoded(frame)}` });
      }),
    );
  });

  test.each(["430[]", "43", '43/admin,7["a b"]', '4312["\u2028",{"a":"x\ny"}]', "43[$group]#end"])(
    "that answers the server waits for none that asks: %j",
    (frame) => {
      expect(sent(frame)).toEqual({
        groupId: `ack-${CONTEXT.connectionId}`,
        deduplicationId: CONTEXT.messageId,
        body: `a ${FACTS} ${urlEncoded(frame)}`,
      });
    },
  );

  test("that is a pong is the same as others of its group, and those of many clients are many groups", () => {
    expect(sent("3")).toEqual({ groupId: "pong-n", deduplicationId: "pong", body: `p ${FACTS} 3` });
    const groups = new Set(
      Array.from({ length: 2_000 }, () => {
        const message = sent("3", { ...CONTEXT, connectionId: newId() });
        return "groupId" in message ? message.groupId : undefined;
      }),
    );
    expect(groups.size).toBe(64);
    for (const group of groups) expect(group).toMatch(/^pong-[\w-]$/);
  });

  test("of older, shorter ids is told, too", () => {
    const short = { ...CONTEXT, connectionId: "L0SM9cOFvHc=" };
    expect(sent("3", short)).toMatchObject({ groupId: "pong-O" });
    expect(sent("2", short)).toMatchObject({ groupId: "L0SM9cOFvHc=" });
  });
});

describe("the end of a connection in the line", () => {
  test("comes behind its frames, and has none", () => {
    const { messageId: _none, ...context } = CONTEXT;
    const form = new VelocityTemplate(DISCONNECT_TEMPLATE).render({ body: "", context });
    expect(messageOf(form)).toEqual({
      groupId: CONTEXT.connectionId,
      deduplicationId: CONTEXT.requestId,
      body: "d TXzPWdnOjoECGjA= HEJvQHXKoAMEi7A= 1741366062027 ",
    });
  });
});

test("neither template has line breaks, which would become part of a field", () => {
  expect(MESSAGE_TEMPLATE + DISCONNECT_TEMPLATE).not.toMatch(/\s\s|[\r\n\t]/);
});
