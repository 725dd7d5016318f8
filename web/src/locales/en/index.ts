import pages from "./pages";
import shared from "./shared";
import workloads from "./workloads";

export default { ...shared, ...workloads, ...pages };
