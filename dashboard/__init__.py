"""The dashboard: pages for people, made with Streamlit. It knows the API through `client`, never the database."""
