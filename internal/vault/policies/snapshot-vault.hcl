# SnapshotVault takes the raft snapshot and notes what it was taken from. It reads no secret.
path "sys/storage/raft/snapshot" { capabilities = ["read"] }
path "sys/mounts"                { capabilities = ["read"] }
path "sys/audit"                 { capabilities = ["read", "sudo"] }
path "auth/token/revoke-self"    { capabilities = ["update"] }
