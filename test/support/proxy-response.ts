import type { ProxyResponse } from "../../lambdas/handlers/proxy-response.ts";
import type { Response } from "../../lambdas/handlers/router.ts";

/** What the function has answered to an event of API Gateway, or to a task. */
export function proxyResponse(response: Response): ProxyResponse {
  if ("statusCode" in response) return response;
  throw new Error(`the function answered as to a batch of a queue: ${JSON.stringify(response)}`);
}
