// What require("skysocket") gives: a function that makes a Server, as of Socket.IO, and on it all that `import` gives.
const api = require("./index.ts");

module.exports = Object.assign((...args) => new api.Server(...args), api);
