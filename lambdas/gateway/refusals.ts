/** How many posts to others must have been taken at once for each of theirs that was not. */
const CLEARLY = 3;

/**
 * API Gateway refuses a post when the account's request rate is used up, and when the buffer of a client that does not read is full.
 * It says the same for both (`LimitExceededException`); what becomes of the posts to others meanwhile tells them apart.
 * @see https://docs.aws.amazon.com/botocore/latest/reference/services/apigatewaymanagementapi/client/exceptions/LimitExceededException.html
 */
export class Refusals {
  /** Posts that were taken at their first try. */
  #taken = 0;
  /** Posts that have been refused. */
  #refused = 0;

  /** A post begins. */
  watch(): Watch {
    const [taken, refused] = [this.#taken, this.#refused];
    let own = 0;
    return {
      refused: () => {
        if (own === 0) this.#refused++;
        own = 1;
      },
      taken: () => {
        if (own === 0) this.#taken++;
      },
      others: () => {
        const theirs = { taken: this.#taken - taken, refused: this.#refused - refused - own };
        if (theirs.taken < CLEARLY * theirs.refused) return "refused";
        return theirs.taken > 0 ? "taken" : "unknown";
      },
    };
  }
}

/** One post, with all its tries. */
export interface Watch {
  refused(): void;
  taken(): void;
  /** What has become of most posts to others since this one began. */
  others(): "taken" | "refused" | "unknown";
}
