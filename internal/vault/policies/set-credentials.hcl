# SetCredentials gives the administrator on the server the password that Vault holds, the current or the pending one.
path "smtp/data/+/admin"         { capabilities = ["read"] }
path "smtp/data/+/admin-pending" { capabilities = ["read"] }
path "vps/data/+/admin_ssh"      { capabilities = ["read"] }
path "vps/data/+/mailu_api"      { capabilities = ["read"] }
path "transit/decrypt/smtp"      { capabilities = ["update"] }
path "auth/token/revoke-self"    { capabilities = ["update"] }
