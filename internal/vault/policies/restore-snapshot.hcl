# RestoreSnapshot writes the marker and feeds Vault a snapshot. It reads no secret. Whoever has this policy can undo
# everything: the function takes an approval for it, and uses it up.
path "dr/data/restore-marker"          { capabilities = ["create", "update"] }
path "sys/storage/raft/snapshot"       { capabilities = ["update"] }
path "sys/storage/raft/snapshot-force" { capabilities = ["update"] }
path "auth/token/revoke-self"          { capabilities = ["update"] }
