# VerifyMailu logs in as the tenant's administrator, as a mail client does.
path "smtp/data/+/admin"      { capabilities = ["read"] }
path "transit/decrypt/smtp"   { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
