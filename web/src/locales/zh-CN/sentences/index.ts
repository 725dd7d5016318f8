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

/** What the door calls fields in the sentences above. */
const names = {
  "name.cpu request": "CPU 请求", "name.memory request": "内存请求", "name.cpu limit": "CPU 上限", "name.memory limit": "内存上限",
  "name.cpu": "CPU", "name.memory": "内存", "name.replicas": "副本数", "name.requests": "请求", "name.limits": "上限",
};

export const sentences: Record<string, string> = { ...names, ...channels, ...checkup, ...cluster, ...collection, ...common, ...door, ...operations, ...people, ...prometheus, ...requests, ...schedules, ...sizing, ...workloads };
