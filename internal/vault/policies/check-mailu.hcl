# CheckMailu asks Mailu's API through SSH.
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "vps/data/+/mailu_api"   { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
