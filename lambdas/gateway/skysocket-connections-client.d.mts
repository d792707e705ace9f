export { connectionsClient } from "./connections-client.ts";
