/**
 * Tests are in a hurry: their stages let through what an account allows.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
 */
export const ACCOUNT_THROTTLE = { ratePerSec: 10_000, burst: 5_000 };
