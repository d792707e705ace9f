/**
 * AWS list prices in us-east-1, in US dollars, without the free tier.
 * @see https://aws.amazon.com/api-gateway/pricing/ (WebSocket messages, metered by 32 KB)
 * @see https://aws.amazon.com/lambda/pricing/ (arm64)
 * @see https://aws.amazon.com/dynamodb/pricing/on-demand/
 * @see https://aws.amazon.com/sqs/pricing/
 */
const MESSAGE = 1.0 / 1e6;
const METERED_BYTES = 32 * 1024;
const INVOCATION = 0.2 / 1e6;
const GB_SECOND = 0.0000133334;
const WRITE_UNIT = 0.625 / 1e6;
const READ_UNIT = 0.125 / 1e6;
const QUEUE_REQUEST = 0.4 / 1e6;
const FIFO_REQUEST = 0.5 / 1e6;
/** Of functions whose memory the event does not tell. */
const DEFAULT_MEMORY_MB = 512;

/** Frames in and posts out are paid for; connecting, closing and asking about a connection are not. */
const isMessage = (operation) =>
  operation === "message" || operation === "post" || operation === "error-frame";

/** What one event of the local cloud would cost on AWS, in US dollars. Connection minutes are not in it. */
export function priceOf(event) {
  switch (event.kind) {
    case "dynamodb":
      return event.readUnits * READ_UNIT + event.writeUnits * WRITE_UNIT;
    case "lambda": {
      const gb = (event.memoryMb ?? DEFAULT_MEMORY_MB) / 1024;
      return INVOCATION + (event.durationMs / 1000) * gb * GB_SECOND;
    }
    case "gateway":
      return isMessage(event.operation) ? MESSAGE * Math.max(1, Math.ceil(event.bytes / METERED_BYTES)) : 0;
    case "sqs":
      return event.requests * (event.fifo ? FIFO_REQUEST : QUEUE_REQUEST);
    default:
      return 0;
  }
}

/** Dollars with as many digits as they need: "$0.0000213". */
export function dollars(amount) {
  if (amount === 0) return "$0";
  const digits = Math.max(2, 2 - Math.floor(Math.log10(amount)));
  return `$${amount.toFixed(Math.min(digits, 12))}`;
}

/** "$2.35 a million": what a million of the same would cost. */
export const perMillion = (amount) => `$${(amount * 1e6).toFixed(2)} a million`;
