/** `process.env`, or what stands for it in a test. Not a copy: what is read later is what holds then. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Error when the variable is missing or empty */
export function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`the environment variable ${name} is missing`);
  return value;
}

/**
 * Where Lambda is, in this region. The variables are those that the AWS SDKs read, the service's own before the general one.
 * @param callbackUrl tells the partition's domain, which is not everywhere amazonaws.com
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export function lambdaEndpoint(env: Environment, callbackUrl: string): string {
  const own = env.AWS_ENDPOINT_URL_LAMBDA ?? env.AWS_ENDPOINT_URL;
  if (own) return own;
  const region = required(env, "AWS_REGION");
  const [, domain = "amazonaws.com"] = new URL(callbackUrl).hostname.split(`.execute-api.${region}.`);
  return `https://lambda.${region}.${domain}`;
}

/**
 * Where the queue is: as AWS's SDKs find it, which take the variables before what the queue's URL says.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export function queueEndpoint(env: Environment, queueUrl: string): string {
  return env.AWS_ENDPOINT_URL_SQS ?? env.AWS_ENDPOINT_URL ?? new URL(queueUrl).origin;
}
