# TestCredentials holds the new password against the server's hash, and tries it and the former one as a mail client does.
path "smtp/data/+/admin"         { capabilities = ["read"] }
path "smtp/data/+/admin-pending" { capabilities = ["read"] }
path "vps/data/+/admin_ssh"      { capabilities = ["read"] }
path "vps/data/+/mailu_api"      { capabilities = ["read"] }
path "transit/decrypt/smtp"      { capabilities = ["update"] }
path "auth/token/revoke-self"    { capabilities = ["update"] }
