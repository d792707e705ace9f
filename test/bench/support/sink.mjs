/**
 * Answers every POST with 200, at once or after the second argument's milliseconds: one to DynamoDB with the text of the first
 * argument, others with nothing. In a process of its own, so that its CPU time is not counted.
 */
import { createServer } from "node:http";

const [, , items = "{}", latency] = process.argv;
const server = createServer((request, response) => {
  const body = request.headers["x-amz-target"] === undefined ? "" : items;
  request.resume();
  const answer = () => response.writeHead(200, { "content-length": Buffer.byteLength(body) }).end(body);
  request.on("end", () => (latency === undefined ? answer() : setTimeout(answer, Number(latency))));
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
