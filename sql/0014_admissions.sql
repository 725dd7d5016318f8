-- The door writes admissions in batches; a batch that is sent again after a lost answer is taken once.
ALTER TABLE admissions {on_cluster} MODIFY SETTING {deduplication_window} = 1000;
