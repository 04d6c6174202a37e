"""A text in Chinese, Japanese or Korean in, the English terms of its technical words out.

Pages are written in English. Names such as LoRA stand in Latin letters in any language; these are
the words that do not, of machine learning, of experiments and of the tools around them.
"""

import re

_ENGLISH = """
ablation: 消融 アブレーション 절제 어블레이션
accuracy: 准确率 準確率 精度 正解率 정확도
activation: 激活 活性化 활성화
agent: 智能体 代理 エージェント 에이전트
annotation label: 标注 標註 标签 ラベル アノテーション 라벨 레이블
architecture: 架构 架構 アーキテクチャ 아키텍처 구조
attention: 注意力 注意機構 アテンション 어텐션 주의
comparison compare: 比较 比較 비교
baseline: 基线 基線 ベースライン 베이스라인
batch: 批次 批量 批大小 バッチ 배치
benchmark: 基准 基準測試 ベンチマーク 벤치마크
cache: 缓存 快取 キャッシュ 캐시
checkpoint: 检查点 檢查點 チェックポイント 체크포인트
classification classifier: 分类 分類 분류
cluster: 集群 叢集 クラスタ 클러스터
code review: 代码审查 コードレビュー 코드리뷰
compression: 压缩 壓縮 圧縮 압축
configuration: 配置 設定 设置 설정
container: 容器 コンテナ 컨테이너
convergence: 收敛 收斂 収束 수렴
convolution: 卷积 卷積 畳み込み 합성곱 컨볼루션
data: 数据 數據 データ 데이터
dataset: 数据集 數據集 データセット 데이터셋
debug: 调试 調試 デバッグ 디버그 디버깅
decoder: 解码器 デコーダ 디코더
dependency: 依赖 依賴 依存 의존성
deployment deploy: 部署 デプロイ 배포
distillation: 蒸馏 蒸餾 蒸留 증류
distributed: 分布式 分散式 分散 분산
documentation: 文档 文檔 ドキュメント 문서
embedding: 嵌入 埋め込み 임베딩
encoder: 编码器 エンコーダ 인코더
error: 错误 錯誤 エラー 오류 에러
evaluation evaluate: 评估 評估 評価 평가
experiment: 实验 實驗 実験 실험
experiment design: 实验设计 実験計画 실험설계
fine tuning finetuning: 微调 微調 ファインチューニング 파인튜닝 미세조정
gradient: 梯度 勾配 그래디언트 기울기
hyperparameter: 超参数 超參數 ハイパーパラメータ 하이퍼파라미터
image: 图像 圖像 画像 이미지
inference: 推理 推論 추론
initialization: 初始化 初期化 초기화
language model: 语言模型 語言模型 言語モデル 언어모델
latency: 延迟 延遲 レイテンシ 지연
layer: 层 層 レイヤー 레이어
learning rate: 学习率 學習率 学習率 학습률
loss: 损失 損失 손실
loss function: 损失函数 損失関数 손실함수
memory: 内存 記憶體 メモリ 메모리
memory gpu out of memory: 显存 顯存 메모리부족
mixed precision: 混合精度 혼합정밀도
merge: 合并 合併 マージ 병합
model: 模型 モデル 모델
monitoring: 监控 監控 監視 モニタリング 모니터링
network: 网络 網絡 ネットワーク 네트워크
neural network: 神经网络 神經網絡 ニューラル 신경망
normalization: 归一化 歸一化 正規化 정규화
offload: 卸载 卸載 オフロード 오프로드
optimization optimize: 优化 最適化 최적화
optimizer: 优化器 オプティマイザ 옵티마이저
overfitting: 过拟合 過擬合 過学習 과적합
paper: 论文 論文 논문
parallel: 并行 並行 並列 병렬
parameter: 参数 參數 パラメータ 파라미터 매개변수
performance: 性能 성능
policy: 策略 方策 정책
preprocessing: 预处理 前処理 전처리
pretraining: 预训练 預訓練 事前学習 사전학습
prompt: 提示词 提示詞 プロンプト 프롬프트
quantization quantize: 量化 量子化 양자화
recommendation: 推荐 推薦 推薦システム 추천
regression: 回归 回歸 回帰 회귀
regularization: 正则化 正則化 규제
reinforcement learning: 强化学习 強化學習 強化学習 강화학습
release: 发布 發布 リリース 릴리스
reproducibility: 可复现 可重現 再現性 재현성
retrieval search: 检索 檢索 検索 검색
reward: 奖励 獎勵 報酬 보상
robustness: 鲁棒 魯棒 頑健 강건성
sampling: 采样 採樣 サンプリング 샘플링
scheduler schedule: 调度 調度 スケジューラ 스케줄러 스케줄
security: 安全 セキュリティ 보안
segmentation: 分割 セグメンテーション 분할
seed: 随机种子 シード 시드
sequence: 序列 系列 시퀀스
server: 服务器 伺服器 サーバ 서버
significance statistics: 显著性 顯著性 有意差 통계 统计 統計
skill: 技能 スキル 스킬
speech: 语音 語音 音声 음성
test: 测试 測試 テスト 테스트
throughput: 吞吐 スループット 처리량
time series: 时间序列 時系列 시계열
tokenizer token: 分词 トークナイザ トークン 토크나이저 토큰
trading trade: 交易 取引 トレード 트레이딩 거래
training train: 训练 訓練 学習 학습 훈련
training divergence: 发散 發散 発散 발산
transfer learning: 迁移学习 転移学習 전이학습
translation: 翻译 翻譯 翻訳 번역
uncertainty: 不确定性 不確実性 불확실성
validation: 验证 驗證 検証 검증
variance: 方差 分散度 분산도
version: 版本 バージョン 버전
warmup: 预热 預熱 ウォームアップ 웜업
video: 视频 視頻 動画 동영상 비디오
visualization: 可视化 視覺化 可視化 시각화
weight: 权重 權重 重み 가중치
"""

_TERMS = {
    word: english.strip()
    for line in _ENGLISH.strip().splitlines()
    for english, _, words in [line.partition(":")]
    for word in words.split()
}
_WORDS = re.compile("|".join(sorted(_TERMS, key=len, reverse=True)))


def english(text: str) -> str:
    """English words for the technical words that a text has, in its order; empty for English.

    >>> english("强化学习的奖励")
    'reinforcement learning reward'
    """
    return "" if text.isascii() else " ".join(_TERMS[word] for word in _WORDS.findall(text))
