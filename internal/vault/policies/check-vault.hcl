# CheckVault sees whether the marker that a restore has left is still there. It reads nothing else.
path "dr/data/restore-marker" { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
