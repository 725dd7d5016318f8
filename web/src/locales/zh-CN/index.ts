import clusters from "./clusters";
import conditions from "./conditions";
import dangers from "./dangers";
import figures from "./figures";
import live from "./live";
import operations from "./operations";
import pages from "./pages";
import people from "./people";
import records from "./records";
import shared from "./shared";
import workloads from "./workloads";

export default { ...clusters, ...conditions, ...dangers, ...figures, ...live, ...shared, ...workloads, ...pages, ...operations, ...people, ...records };
