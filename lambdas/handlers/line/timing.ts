/**
 * How long a batch that has been delivered is hidden, in seconds: as long as its connections stand still if the instance that works
 * through it dies. AWS advises six times the function's timeout, so that no message is delivered again while it is worked through;
 * here the deadline of each batch sees to that. Lambda takes no less than the function's timeout.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export const LINE_VISIBILITY_SECONDS = 30;

/**
 * How long messages that were delivered before are hidden at a time, in milliseconds, and how often they are hidden anew: so long
 * does a connection stand still if they kill their instance again. Longer than the reserve below and a slow request together.
 */
export const KEPT_MS = 5_000;
export const RENEW_MS = 1_500;

/** How long a batch comes again after what it needs could not be read, in milliseconds. */
export const RETRY_MS = 1_000;

/** For so long a frame of a client that counts may be missing while later ones are there, in milliseconds. */
export const GAP_MS = 3_000;

/**
 * The end of such a client's connection waits for so long, in milliseconds: what it sent in its last moment may come later, as long
 * as API Gateway's sends overlap.
 */
export const LAST_WORDS_MS = 300;

/** No frame is begun this long before its message is delivered to somebody else, in milliseconds: the clocks differ. */
export const LINE_RESERVE_MS = 2_000;
