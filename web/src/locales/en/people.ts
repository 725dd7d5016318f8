/** Users and API tokens. */
export default {
  people: {
    title: "People", intro: "Who may come in, with which role, and the API tokens of pipelines", parts: "Parts of people", tab: { users: "Users", tokens: "API tokens" },
    roleText: {
      viewer: "Sees everything, changes nothing. May preview and export.",
      operator: "What a viewer may, and sets values, imports, collects, acts on workloads and keeps schedules.",
      admin: "What an operator may, and switches enforcement, keeps users and API tokens.",
    },
    role: "Role", rolePick: "Choose a role", generate: "Generate another", done: "Done",
  },
  copy: { button: "Copy", copied: "Copied", failed: "Select and copy it by hand: the browser does not let this page do it." },
  users: {
    title: "Users", add: "Add user", search: "Search users", noMatch: "No user matches", count: "{count} user | {count} users",
    name: "User name", source: "Logs in with", changed: "Last changed", actions: "Actions for {name}", you: "you", first: "first password", firstHint: "Has not chosen a password of their own yet.",
    sourceName: { local: "Password", oidc: "Identity provider" },
    action: { role: "Change role", password: "Reset password", logout: "Log out everywhere", delete: "Delete" },
    barrier: {
      lastAdmin: "The last administrator stays. Make somebody else an administrator first.",
      provider: "Kept by the identity provider: change it there.",
      ownPassword: "This is you: change your password in the menu of your account.",
    },
    nameHint: "Letters, digits and . _ {'@'} + -", fault: { name: "Give it a name", characters: "There is a character in it that a name cannot have" }, password: "First password", passwordHint: "At least 8 characters. It has to be changed at the first log-in.",
    create: "Add user", made: "{name} is added", handOver: "Give the user name and the first password to the person. The password is not shown again; it has to be changed at the first log-in.",
    roleTitle: "Role of {name}", roleSave: "Change role", roleCounts: "The new role counts from the next request, also in sessions that are open.", roleOwn: "This is your own account: you lose this page at once.", roleSaved: "{name} is now: {role}",
    resetTitle: "Reset the password of {name}", resetText: "{name} is logged out everywhere and has to choose a password at the next log-in.", reset: "Reset password", resetMade: "The password of {name} is reset",
    logoutTitle: "Log {name} out everywhere?", logoutText: "Every session of {name} ends, on every device. Work that was not saved is lost. The account stays as it is.", logoutOwn: "This is your own account: you are logged out here too.", logoutDone: "Every session of {name} has ended",
    deleteTitle: "Delete {name}?", deleteText: "{name} is logged out at once and can no longer log in. What they did stays in the audit log. API tokens they made go on working until they end or are revoked.",
    deleteProvider: "The identity provider still knows this person: at the next log-in there the account is made anew. To bar somebody, do it at the provider.", deleteOwn: "This is your own account: you are logged out at once.", deleteDone: "{name} is deleted",
  },
  tokens: {
    title: "API tokens", add: "New token", none: "There are no API tokens", noneText: "A pipeline uses a token instead of a user name and a password. It has a role and an end, and can be revoked at any time.",
    name: "Name", ends: "Ends", used: "Last used", made: "Made by", never: "never", ended: "ended", endsSoon: "ends soon", role: "Role",
    usedHint: "May be some minutes behind.",
    nameHint: "What it is for: letters, digits and . _ -", lasts: "Lasts", days: "{count} day | {count} days", otherDays: "Another number of days", daysLabel: "Days",
    endsOn: "Ends on {at}", create: "Make token", madeTitle: "Token {name} is made", once: "Copy it now: it is shown this once. KubeDoor keeps only a hash of it.", token: "Token", example: "How to use it", stored: "I have stored it",
    revoke: "Revoke", revokeName: "Revoke {name}", revokeTitle: "Revoke token {name}?", revokeText: "It stops working at once, and whatever uses it is answered with 401. This cannot be undone.", revokeUsed: "It was last used {ago}.", revokeNever: "It has never been used.", revoked: "Token {name} works no more",
  },
};
