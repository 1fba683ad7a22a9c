"""What several tests share: small problems, plain references, servers, projects."""
