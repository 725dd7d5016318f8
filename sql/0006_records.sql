-- What the record pages filter and page by. `id` is of the row itself, so rows that are there already have one too.

ALTER TABLE audit {on_cluster} ADD COLUMN IF NOT EXISTS outcome LowCardinality(String) DEFAULT 'done';
ALTER TABLE audit {on_cluster} ADD COLUMN IF NOT EXISTS cluster LowCardinality(String)
    DEFAULT if(length(splitByChar('/', target)) = 3, splitByChar('/', target)[1], '');
ALTER TABLE audit {on_cluster} ADD COLUMN IF NOT EXISTS namespace LowCardinality(String)
    DEFAULT if(length(splitByChar('/', target)) = 3, splitByChar('/', target)[2], '');
ALTER TABLE audit {on_cluster} ADD COLUMN IF NOT EXISTS id UUID
    DEFAULT reinterpretAsUUID(sipHash128(at, who, via, address, action, target, before, after, outcome));
ALTER TABLE admissions {on_cluster} ADD COLUMN IF NOT EXISTS id UUID
    DEFAULT reinterpretAsUUID(sipHash128(at, uid, namespace, deployment, operation, subresource, outcome, after));
