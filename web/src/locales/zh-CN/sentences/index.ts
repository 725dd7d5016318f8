/** The server's sentences in Chinese, by their codes: kubedoor/wording has the same ones in English. */
import channels from "./channels.json";
import checkup from "./checkup.json";
import cluster from "./cluster.json";
import collection from "./collection.json";
import common from "./common.json";
import door from "./door.json";
import operations from "./operations.json";
import people from "./people.json";
import prometheus from "./prometheus.json";
import requests from "./requests.json";
import schedules from "./schedules.json";
import sizing from "./sizing.json";
import workloads from "./workloads.json";

export const sentences: Record<string, string> = { ...channels, ...checkup, ...cluster, ...collection, ...common, ...door, ...operations, ...people, ...prometheus, ...requests, ...schedules, ...sizing, ...workloads };
