/**
 * Mapping templates of API Gateway. velocityjs reads and renders them; what it does otherwise than the Java original, or what nobody
 * knows of API Gateway, is refused when a template is read.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings.html
 */
import { Compile, parse } from "velocityjs";
import { Checker } from "./check.ts";
import { contextOf } from "./context.ts";
import { VelocityError } from "./errors.ts";
import { replacing } from "./pattern.ts";
import { UTILITIES } from "./utilities.ts";

/** What a template is filled with. */
export interface TemplateInput {
  /** The request's. */
  readonly body: string;
  /** Of the request: what an event has as its `requestContext`. */
  readonly context: Readonly<Record<string, unknown>>;
}

export class VelocityTemplate {
  readonly #tree: ReturnType<typeof parse>;

  /** Throws VelocityError. */
  constructor(text: string) {
    this.#tree = parsed(text);
    new Checker(text).check(this.#tree);
  }

  render({ body, context }: TemplateInput): string {
    const values = { input: { body }, context: contextOf(context), util: UTILITIES };
    return new Compile(this.#tree, { customMethodHandlers: [REPLACE_ALL] }).render(values);
  }
}

function parsed(text: string): ReturnType<typeof parse> {
  try {
    return parse(text);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const line = Number(/on line (\d+)/.exec(said)?.[1] ?? 1);
    throw new VelocityError(line, text.split("\n")[line - 1] ?? "", `it is no Velocity: ${said}`);
  }
}

/** Java's, whose first argument is a pattern; JavaScript has one of the same name. */
const REPLACE_ALL = {
  uid: "replaceAll",
  match: ({ property }: { readonly property: string }) => property === "replaceAll",
  resolve: ({ context, params: [pattern, replacement] }: MethodCall): string =>
    replacing(String(pattern), String(replacement))?.(String(context)) ?? "",
};

interface MethodCall {
  readonly context: unknown;
  readonly params: readonly unknown[];
}
