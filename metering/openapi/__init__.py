"""The OpenAPI description: what is said beside each view, made one document."""
