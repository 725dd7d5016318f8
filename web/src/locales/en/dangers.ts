/** Values that would hurt, unsaved edits, enforcement that is off, and blocks to copy. */
export default {
  danger: {
    title: "This ends or kills pods", text: "Once it is enforced:", confirm: "Save anyway", keep: "Go on editing",
    advice: "Set by hand, and warned of as long as it stands.", cut: "wished {wanted}, cut to the limit", accept: "I know that this ends or kills pods",
    label: "Dangerous values", any: "Dangerous values: all", yes: "With dangerous values", no: "Without dangerous values",
  },
  unsaved: { title: "Leave without saving?", text: "What you have changed here is not saved, and will be lost.", keep: "Go on editing", discard: "Discard the changes" },
  switchedOff: {
    label: "Enforcement is off", title: "Enforcement is off.", text: "Deployments pass as they are: nothing that these pages show is set.", by: "Switched off by {who}", nobody: "Nobody switched it off here: the configuration was taken away in the cluster.",
    more: "Admissions and the switch", would: "Would enforce", wouldHint: "Enforcement is off: control values would be set if it were on.", brings: "A restart would bring, if enforcement were on", due: "While enforcement is off, nothing changes; once it is on, the next release brings its control values.", finding: "Enforcement is off", advice: "Nothing below happens until it is switched on; it says what would be.",
    note: "Why?", notePlaceholder: "Those who meet it will ask; it is kept in the audit log",
  },
  resources: { title: "To copy into the manifest", text: "Control values as a resources block, per container.", withheld: "# {field}: withheld", none: "No control value of this container.", copy: "Copy" },
  restoreVersion: { action: "Restore this version", note: "As in version {version}", current: "current" },
  pendingPreview: { show: "Preview", hide: "Hide preview", of: "What a restart would meet with these changes", made: "Made from the newest usage day: there is no live Deployment to read.", live: "From the live Deployment." },
};
