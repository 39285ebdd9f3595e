# CheckApproval counts which secrets are newer than a backup. It reads versions, and no secret.
path "smtp/metadata/*"        { capabilities = ["read", "list"] }
path "vps/metadata/*"         { capabilities = ["read", "list"] }
path "dkim/metadata/*"        { capabilities = ["read", "list"] }
path "dr/metadata/*"          { capabilities = ["read", "list"] }
path "sys/mounts"             { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
