import { byId } from "./dom.js";

/** Milliseconds without a connection. */
const FOR = 5000;

/**
 * The button that cuts the connection, as a tunnel would: the transport closes and nobody takes leave. All else is the official
 * client's own doing; it is only told to wait this long before it connects again.
 */
export function listenToCut(chat) {
  const button = byId("cut");
  const manager = chat.io;
  const usual = { delay: manager.reconnectionDelay(), randomness: manager.randomizationFactor() };
  chat.on("connect", () => {
    button.disabled = false;
  });
  chat.on("disconnect", () => {
    button.disabled = true;
  });
  button.addEventListener("click", () => {
    manager.reconnectionDelay(FOR);
    manager.randomizationFactor(0);
    manager.once("reconnect_attempt", () => {
      manager.reconnectionDelay(usual.delay);
      manager.randomizationFactor(usual.randomness);
    });
    manager.engine.close();
  });
}
