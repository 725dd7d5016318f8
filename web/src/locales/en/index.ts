import clusters from "./clusters";
import operations from "./operations";
import pages from "./pages";
import people from "./people";
import records from "./records";
import shared from "./shared";
import workloads from "./workloads";

export default { ...clusters, ...shared, ...workloads, ...pages, ...operations, ...people, ...records };
