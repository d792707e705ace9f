/** A template holds what the local cloud does not render as API Gateway would. */
export class VelocityError extends Error {
  override readonly name = "VelocityError";
  /** From 1. */
  readonly line: number;

  /** @param text of the template, as far as it is at fault */
  constructor(line: number, text: string, problem: string) {
    super(`line ${line}, ${text}: ${problem}`);
    this.line = line;
  }
}
