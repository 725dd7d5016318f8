import clusters from "./clusters";
import conditions from "./conditions";
import operations from "./operations";
import pages from "./pages";
import people from "./people";
import records from "./records";
import shared from "./shared";
import workloads from "./workloads";

export default { ...clusters, ...conditions, ...shared, ...workloads, ...pages, ...operations, ...people, ...records };
