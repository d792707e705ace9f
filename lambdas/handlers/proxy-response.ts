/** API Gateway's proxy response. */
export interface ProxyResponse {
  readonly statusCode: number;
  readonly body?: string;
  /** Of an upgrade: `Sec-WebSocket-Protocol` is the only one that API Gateway hands on. */
  readonly headers?: Readonly<Record<string, string>>;
}
