import packageJson from "../package.json" with { type: "json" };

/** The product's version, as package.json has it; built into the bundles. */
export const version: string = packageJson.version;
