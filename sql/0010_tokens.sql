-- When tokens were last used, so that it can be seen which may go. Written at most every few minutes per token and pod.
CREATE TABLE IF NOT EXISTS token_uses {on_cluster}
(
    token_hash String,
    used_at DateTime64(3, 'UTC')
)
ENGINE = {ReplacingMergeTree(used_at)}
ORDER BY token_hash;
