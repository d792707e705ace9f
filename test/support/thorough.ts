/** The gate's run: everything as large as it gets. `npm test` alone is what one waits for at a desk. */
export const THOROUGH = process.env.THOROUGH !== undefined;
