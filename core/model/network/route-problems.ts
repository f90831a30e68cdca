import type { LinkSettings } from "./configuration.ts";
import { called, fieldOf, problem } from "./problem.ts";
import { metricFieldProblem, parseNetwork, routeTwice, toFieldProblem, viaFieldProblem } from "./route-fields.ts";
import type { NetworkProblem } from "./transaction.ts";

/** What is wrong with the routes of one link. */
export function routeProblems(link: LinkSettings, family: 4 | 6): NetworkProblem[] {
  const settings = family === 4 ? link.ipv4 : link.ipv6;
  const { routes, method } = settings;
  if (routes.length === 0) return [];
  const at = fieldOf(link.name, `ipv${family}`, "routes");
  const problems: NetworkProblem[] = [];
  if (method === "none") {
    problems.push(
      problem("NET.ROUTE_UNUSED", at, {
        description: `${called(link.name)} has routes, but IPv${family} is switched off there.`,
        remedy: "Give it an address, or take the routes away.",
        values: { link: link.name, family },
      }),
    );
  }
  const seen = new Set<string>();
  for (const [i, route] of routes.entries()) {
    const found = [
      toFieldProblem(route.to, family, `${at}.${i}.to`),
      viaFieldProblem(route, { name: link.name, settings }, family, `${at}.${i}.via`),
      route.metric === null ? undefined : metricFieldProblem(route.metric, `${at}.${i}.metric`),
    ];
    problems.push(...found.filter((each) => each !== undefined));
    const network = parseNetwork(route.to, family);
    const key = network === undefined ? null : `${network.base} ${route.metric}`;
    if (key !== null && seen.has(key)) problems.push(routeTwice(route, link.name, `${at}.${i}.to`));
    if (key !== null) seen.add(key);
  }
  return problems;
}
