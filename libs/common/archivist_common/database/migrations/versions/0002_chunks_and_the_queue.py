"""chunks and the queue

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_speeds",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("recipe", sa.String(length=120), nullable=False),
        sa.Column("threads", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("window_s", sa.Double(), nullable=False),
        sa.Column("measured_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("host", "model", "recipe", "threads", name=op.f("pk_machine_speeds")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_batches_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(op.f("idx_batches_user_id"), "batches", ["user_id"], unique=False)
    op.create_table(
        "queue_control",
        sa.Column("id", sa.Integer(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_by", sa.Integer(), nullable=True),
        sa.Column("vault", sa.String(length=64), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("check_one_row")),
        sa.ForeignKeyConstraint(
            ["paused_by"], ["users.id"], name=op.f("fk_queue_control_paused_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_control")),
    )
    op.create_table(
        "transcription_chunks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("recipe", sa.String(length=120), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("speech", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crash_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("dropped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("bad_packets", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("started_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_date", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'completed') = (words IS NOT NULL)", name=op.f("check_chunk_words_when_completed")
        ),
        sa.CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name=op.f("check_chunk_lease_while_processing"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'completed', 'failed')", name=op.f("check_chunk_status")
        ),
        sa.CheckConstraint("start_ms >= 0 AND start_ms < end_ms", name=op.f("check_chunk_length")),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_transcription_chunks_transcription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcription_chunks")),
        sa.UniqueConstraint(
            "transcription_id", "number", name=op.f("uq_transcription_chunks_transcription_id_number")
        ),
    )
    op.create_index(
        "idx_transcription_chunks_claim",
        "transcription_chunks",
        ["transcription_id", "number"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "idx_transcription_chunks_lease",
        "transcription_chunks",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.add_column(
        "transcriptions",
        sa.Column("queue_key", sa.Numeric(), server_default=sa.text("extract(epoch from now())"), nullable=False),
    )
    op.add_column("transcriptions", sa.Column("start_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("transcriptions", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("transcriptions", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.add_column("transcriptions", sa.Column("crashed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("transcriptions", sa.Column("source_fingerprint", sa.String(length=64), nullable=True))
    op.add_column("transcriptions", sa.Column("recipe", sa.String(length=120), nullable=True))
    op.add_column("transcriptions", sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.execute("INSERT INTO queue_control (id) VALUES (1)")
    # What a priority is worth in waiting: six hours a level (archivist_common.jobs.PRIORITY_STEP).
    op.execute("UPDATE transcriptions SET queue_key = extract(epoch FROM created_date) - (priority - 1) * 21600")
    op.drop_index(
        "idx_transcriptions_claim", table_name="transcriptions", postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index(
        "idx_transcriptions_claim",
        "transcriptions",
        ["queue_key", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("idx_transcriptions_batch_id", "transcriptions", ["batch_id"], unique=False)
    op.create_index(
        "idx_transcriptions_running",
        "transcriptions",
        ["queue_key", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.create_foreign_key(
        op.f("fk_transcriptions_batch_id"), "transcriptions", "batches", ["batch_id"], ["id"], ondelete="SET NULL"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_transcriptions_batch_id"), "transcriptions", type_="foreignkey")
    op.drop_index(
        "idx_transcriptions_running", table_name="transcriptions", postgresql_where=sa.text("status = 'processing'")
    )
    op.drop_index("idx_transcriptions_batch_id", table_name="transcriptions")
    op.drop_index(
        "idx_transcriptions_claim", table_name="transcriptions", postgresql_where=sa.text("status = 'pending'")
    )
    op.create_index(
        op.f("idx_transcriptions_claim"),
        "transcriptions",
        [sa.text("priority DESC"), "created_date", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_column("transcriptions", "plan")
    op.drop_column("transcriptions", "recipe")
    op.drop_column("transcriptions", "source_fingerprint")
    op.drop_column("transcriptions", "crashed_at")
    op.drop_column("transcriptions", "batch_id")
    op.drop_column("transcriptions", "paused_at")
    op.drop_column("transcriptions", "start_at")
    op.drop_column("transcriptions", "queue_key")
    op.drop_index(
        "idx_transcription_chunks_lease",
        table_name="transcription_chunks",
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.drop_index(
        "idx_transcription_chunks_claim",
        table_name="transcription_chunks",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_table("transcription_chunks")
    op.drop_table("queue_control")
    op.drop_index(op.f("idx_batches_user_id"), table_name="batches")
    op.drop_table("batches")
    op.drop_table("machine_speeds")
