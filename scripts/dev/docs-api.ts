import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiPage, apiPageFile } from "./api-page.ts";
import { projectRoot } from "./source.ts";

/*
 * npm run docs:api: writes the page of the API's documentation anew. It is kept in the repository, so that it can be
 * read without a cloud, and so that a change of the API shows in its history; a test tells when it is out of date.
 */

writeFileSync(join(projectRoot, apiPageFile), apiPage());
console.log(`${apiPageFile} is written.`);
