/** 用户与 API 令牌。 */
export default {
  people: {
    title: "用户与令牌", intro: "谁可以登录、拥有什么角色，以及流水线使用的 API 令牌", parts: "用户与令牌的各部分", tab: { users: "用户", tokens: "API 令牌" },
    roleText: {
      viewer: "可以查看一切，不能做任何修改；可以预演和导出。",
      operator: "除查看外，还可以设置管控值、导入、采集、操作工作负载、管理定时任务。",
      admin: "除运维操作外，还可以切换管控状态、管理用户和 API 令牌。",
    },
    role: "角色", rolePick: "选择角色", generate: "换一个", done: "完成",
  },
  copy: { button: "复制", copied: "已复制", failed: "浏览器不允许本页复制，请手动选中后复制。" },
  users: {
    title: "用户", add: "添加用户", search: "搜索用户", noMatch: "没有符合条件的用户", count: "{count} 个用户",
    name: "用户名", source: "登录方式", changed: "最近变更", actions: "对 {name} 的操作", you: "你", first: "初始密码", firstHint: "还没有设置自己的密码。",
    sourceName: { local: "密码", oidc: "身份提供方" },
    action: { role: "修改角色", password: "重置密码", logout: "退出所有会话", delete: "删除" },
    barrier: {
      lastAdmin: "必须保留最后一名管理员，请先将其他人设为管理员。",
      provider: "由身份提供方管理，请在那里修改。",
      ownPassword: "这是你自己，请在账号菜单中修改密码。",
    },
    nameHint: "字母、数字和 . _ {'@'} + -", fault: { name: "请填写名称", characters: "含有名称不允许的字符" }, password: "初始密码", passwordHint: "至少 8 个字符，首次登录时必须修改。",
    create: "添加用户", made: "已添加 {name}", handOver: "请把用户名和初始密码交给本人。密码不会再次显示，首次登录时必须修改。",
    roleTitle: "{name} 的角色", roleSave: "修改角色", roleCounts: "新角色从下一次请求起生效，已打开的会话也一样。", roleOwn: "这是你自己的账号：修改后将立即无法使用本页。", roleSaved: "{name} 的角色现在是：{role}",
    resetTitle: "重置 {name} 的密码", resetText: "{name} 的所有会话会立即失效，下次登录时必须设置新密码。", reset: "重置密码", resetMade: "已重置 {name} 的密码",
    logoutTitle: "让 {name} 退出所有会话？", logoutText: "{name} 在所有设备上的会话都会结束，未保存的内容会丢失；账号本身不变。", logoutOwn: "这是你自己的账号：这里也会退出登录。", logoutDone: "{name} 的所有会话已结束",
    deleteTitle: "删除 {name}？", deleteText: "{name} 会立即退出，且不能再登录。其操作仍保留在审计日志中；其创建的 API 令牌在到期或被吊销前仍然有效。",
    deleteProvider: "身份提供方仍然认识此人：下次从那里登录时会重新建立账号。要禁止登录，请在身份提供方处理。", deleteOwn: "这是你自己的账号：你会立即退出登录。", deleteDone: "已删除 {name}",
  },
  tokens: {
    title: "API 令牌", add: "新建令牌", none: "还没有 API 令牌", noneText: "流水线使用令牌，而不是用户名和密码。令牌有角色和有效期，可以随时吊销。",
    name: "名称", ends: "到期时间", used: "最近使用", made: "创建者", never: "从未", ended: "已到期", endsSoon: "即将到期", role: "角色",
    usedHint: "可能滞后几分钟。",
    nameHint: "用途说明：字母、数字和 . _ -", lasts: "有效期", days: "{count} 天", otherDays: "其他天数", daysLabel: "天数",
    endsOn: "{at} 到期", create: "创建令牌", madeTitle: "令牌 {name} 已创建", once: "请立即复制：只显示这一次，KubeDoor 只保存它的哈希值。", token: "令牌", example: "使用方法", stored: "我已保存",
    revoke: "吊销", revokeName: "吊销 {name}", revokeTitle: "吊销令牌 {name}？", revokeText: "令牌会立即失效，使用它的程序会收到 401。此操作无法撤销。", revokeUsed: "最近使用：{ago}。", revokeNever: "它从未被使用过。", revoked: "令牌 {name} 已失效",
  },
};
