/** The template holds something that the local cloud cannot run; `where` is the path in the template. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly where: string;

  constructor(where: string, problem: string) {
    super(`${where}: ${problem}`);
    this.where = where;
  }
}
