import { App, Stack } from "aws-cdk-lib";
import { Server, type ServerOptions } from "skysocket";
import { SkysocketApi, type SkysocketApiProps } from "skysocket/cdk";
import { parser } from "skysocket/client";
import { type LocalCloud, startLocalCloud } from "skysocket/local";
import { connect } from "skysocket/outside";
import { io } from "socket.io-client";

const options: ServerOptions = { connectionStateRecovery: {} };
const props: SkysocketApiProps = { entry: "app.ts" };
export const api = new SkysocketApi(new Stack(new App(), "Stack"), "Realtime", props);
export const cloud: Promise<LocalCloud> = startLocalCloud({ app: props.entry });
export const client = io("ws://127.0.0.1", { parser });
connect(new Server(options));
