"""an owner's reviews in the order of their items"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_reviews_owner", table_name="reviews")
    op.create_index("ix_reviews_owner", "reviews", ["owner", "job_id", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_reviews_owner", table_name="reviews")
    op.create_index("ix_reviews_owner", "reviews", ["owner"], unique=False)
