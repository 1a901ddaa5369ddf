"""The company's single sign-on: who somebody is there, by OpenID Connect or by the headers of a proxy."""
