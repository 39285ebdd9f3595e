# RevokeAccess opens the server of a leaked password, and needs to know whose password that was.
path "smtp/data/+/admin"      { capabilities = ["read"] }
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "vps/data/+/mailu_api"   { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
