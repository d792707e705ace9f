import { Server } from "skysocket";

export default new Server();
