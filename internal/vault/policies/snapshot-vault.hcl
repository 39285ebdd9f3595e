# SnapshotVault: take the raft snapshot, and know what it was taken from.
path "sys/storage/raft/snapshot" { capabilities = ["read"] }
path "sys/mounts"                { capabilities = ["read"] }
path "sys/audit"                 { capabilities = ["read", "sudo"] }
path "auth/token/revoke-self"    { capabilities = ["update"] }
