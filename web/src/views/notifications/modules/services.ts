/** How the address of a channel is written: an example for each of the services that are used most. */
export const SERVICES = {
  wecom: "wecombot://693a91f6-7a1c-4bc4-97a0-0ec2sifa5aaa",
  dingtalk: "dingtalk://SECb3d1f0a2@4f5e6d7c8b9a0f1e2d3c",
  feishu: "feishu://5d0a3c1b-8e2f-4a6d-9c7b",
  slack: "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops",
  teams: "workflows://prod-12.westeurope.logic.azure.com:443/643e69f83c8944/4YozYsKpj2Tw",
  email: "mailtos://kubedoor:password@smtp.example.com?from=kubedoor@example.com&to=ops@example.com",
  webhook: "jsons://hooks.example.com/kubedoor?+X-Token=secret",
} as const;

export type Service = keyof typeof SERVICES | "other";
export const SERVICE_NAMES: readonly Service[] = [...(Object.keys(SERVICES) as (keyof typeof SERVICES)[]), "other"];
export const exampleOf = (service: Service) => (service === "other" ? "" : SERVICES[service]);
