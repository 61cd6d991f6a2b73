#include "data/loader.h"

#include "base/cpu.h"
#include "base/threads.h"

#include <stdlib.h>
#include <string.h>

// A batch that is being made, or made.
typedef struct slot {
    float *value;   // [batch][size]
    int32_t *label; // [batch]
    int32_t *other; // [batch] of mixed examples, with the shares of their labels
    float *share;
    cv_values values; // value
    int left;         // examples still to be made
    int failed;       // the first example that failed, else their number
    convo_error error;
} slot;

struct cv_loader {
    cv_source source;
    size_t batch;
    int32_t *in_order; // [batch] 0, 1, ...: the rows of a slot
    // what is loaded
    int64_t epoch;
    bool made; // else values are used in place
    const int32_t *index;
    size_t count;
    size_t at; // position of the next batch to be given
    // threads
    pthread_mutex_t lock; // of all below
    pthread_cond_t work, ready;
    pthread_t *thread;
    int threads;
    slot *slot;
    size_t slots;
    size_t next;     // position of the next example to be made
    size_t released; // position before which the slots are free again
    bool stop;
    cv_loader_times times;
};

// --- making examples --------------------------------------------------------------------------------------------

static slot *slot_of(cv_loader *l, size_t position) {
    return &l->slot[position / l->batch % l->slots];
}

static size_t batch_end(const cv_loader *l, size_t first) {
    return l->count - first < l->batch ? l->count : first + l->batch;
}

static void begin_slot(cv_loader *l, size_t first) {
    slot *s = slot_of(l, first);
    s->left = s->failed = (int)(batch_end(l, first) - first);
}

// Makes the example at a position, without the lock.
static convo_status make_example(cv_loader *l, size_t position, convo_error *err) {
    const slot *s = slot_of(l, position);
    const size_t place = position % l->batch;
    const int32_t row = l->index[position];
    s->label[place] = l->source.label[row];
    return l->source.make(l->source.context, l->epoch, row, s->value + place * l->source.size, err);
}

// Mixes a batch, without the lock. The label with the larger share becomes the first: it is the one that counts as
// right.
static void mix_batch(cv_loader *l, size_t first) {
    slot *s = slot_of(l, first);
    const int count = (int)(batch_end(l, first) - first);
    if (!l->source.mix(l->source.context, l->epoch, l->index + first, count, s->value, s->other, s->share)) {
        s->failed = 0;
        cv_no_memory(&s->error, "mixed examples");
        return;
    }
    for (int i = 0; i < count; i++) s->other[i] = l->source.label[l->index[first + (size_t)s->other[i]]];
    for (int i = 0; i < count; i++) {
        if (s->share[i] >= 0.5f) continue;
        const int32_t label = s->label[i];
        s->label[i] = s->other[i];
        s->other[i] = label;
        s->share[i] = 1 - s->share[i];
    }
}

// Called and left with the lock.
static void finish_example(cv_loader *l, size_t position, convo_status status, const convo_error *err) {
    slot *s = slot_of(l, position);
    const int place = (int)(position % l->batch),
              count = (int)(batch_end(l, position - (size_t)place) - position) + place;
    if (status && place < s->failed) {
        s->failed = place;
        s->error = *err;
    }
    if (s->left == 1 && s->failed == count && l->source.mix && l->epoch >= 0) {
        pthread_mutex_unlock(&l->lock);
        mix_batch(l, position - (size_t)place);
        pthread_mutex_lock(&l->lock);
    }
    if (--s->left == 0) pthread_cond_signal(&l->ready);
}

static bool has_work(const cv_loader *l) {
    return l->made && l->next < l->count && l->next < l->released + l->slots * l->batch;
}

static void *thread_main(void *argument) {
    cv_loader *l = argument;
    cv_cpu_flush_denormals(); // as the threads of a pool do: the same bits
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (!has_work(l)) {
            pthread_cond_wait(&l->work, &l->lock);
            continue;
        }
        const size_t position = l->next++;
        convo_error error = {.code = CONVO_OK};
        if (position % l->batch == 0) begin_slot(l, position);
        pthread_mutex_unlock(&l->lock);
        const double began = cv_now();
        const convo_status status = make_example(l, position, &error);
        const double took = cv_now() - began;
        pthread_mutex_lock(&l->lock);
        l->times.busy += took;
        finish_example(l, position, status, &error);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

// --- loading ----------------------------------------------------------------------------------------------------

static convo_status load_in_place(cv_loader *l, size_t end, cv_loaded *loaded, convo_error *err) {
    (void)err;
    *loaded = (cv_loaded){
        .values = l->source.values, .index = l->index + l->at, .label = l->source.label, .count = (int)(end - l->at)};
    return CONVO_OK;
}

static convo_status load_made(cv_loader *l, size_t end, cv_loaded *loaded, convo_error *err) {
    slot *s = slot_of(l, l->at);
    const double began = cv_now();
    pthread_mutex_lock(&l->lock);
    l->released = l->at;
    if (l->threads) {
        pthread_cond_broadcast(&l->work);
        while (l->next < end || s->left > 0) pthread_cond_wait(&l->ready, &l->lock);
    } else {
        begin_slot(l, l->at);
        for (size_t k = l->at; k < end; k++) {
            convo_error error = {.code = CONVO_OK};
            finish_example(l, k, make_example(l, k, &error), &error);
        }
        l->times.busy += cv_now() - began;
    }
    l->times.waited += cv_now() - began;
    pthread_mutex_unlock(&l->lock);
    const int count = (int)(end - l->at);
    if (s->failed < count) {
        if (err) *err = s->error;
        return s->error.code;
    }
    *loaded = (cv_loaded){.values = &s->values,
                          .index = l->in_order,
                          .label = s->label,
                          .other = l->source.mix && l->epoch >= 0 ? s->other : NULL,
                          .share = s->share,
                          .count = count};
    return CONVO_OK;
}

void cv_loader_begin(cv_loader *l, int64_t epoch, const int32_t *index, size_t count, size_t first) {
    pthread_mutex_lock(&l->lock);
    l->epoch = epoch;
    l->made = l->source.make && (epoch >= 0 || l->source.large);
    l->index = index;
    l->count = count;
    l->at = l->next = l->released = first;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

convo_status cv_loader_next(cv_loader *l, cv_loaded *loaded, convo_error *err) {
    const size_t end = batch_end(l, l->at);
    const convo_status status = (l->made ? load_made : load_in_place)(l, end, loaded, err);
    l->at = end;
    return status;
}

cv_loader_times cv_loader_spent(cv_loader *l) {
    pthread_mutex_lock(&l->lock);
    const cv_loader_times times = l->times;
    pthread_mutex_unlock(&l->lock);
    return times;
}

// --- open, free -------------------------------------------------------------------------------------------------

static bool make_slots(cv_loader *l, size_t threads) {
    l->slots = 2 + (4 * threads + l->batch - 1) / l->batch; // one in use, one to come, and work for all threads
    l->slot = cv_alloc(l->slots, sizeof *l->slot);
    l->in_order = cv_alloc(l->batch, sizeof *l->in_order);
    if (!l->slot || !l->in_order) return false;
    for (size_t i = 0; i < l->batch; i++) l->in_order[i] = (int32_t)i;
    for (size_t k = 0; k < l->slots; k++) {
        slot *s = &l->slot[k];
        size_t numbers;
        s->value = cv_mul(l->batch, l->source.size, &numbers) ? cv_alloc_aligned(numbers, sizeof *s->value) : NULL;
        s->label = cv_alloc(l->batch, sizeof *s->label);
        s->other = cv_alloc(l->batch, sizeof *s->other);
        s->share = cv_alloc(l->batch, sizeof *s->share);
        if (!s->value || !s->label || !s->other || !s->share) return false;
        s->values = (cv_values){.value = s->value};
    }
    return true;
}

// Fewer threads than asked for are no error: examples are then made more slowly.
static void start_threads(cv_loader *l, int threads) {
    l->thread = cv_alloc((size_t)threads, sizeof *l->thread);
    while (l->thread && l->threads < threads && !cv_thread_start(&l->thread[l->threads], thread_main, l)) l->threads++;
}

convo_status cv_loader_new(const cv_source *source, int batch, int threads, cv_loader **loader, convo_error *err) {
    cv_loader *l = cv_alloc(1, sizeof *l);
    *loader = NULL;
    if (!l) return cv_no_memory(err, "a loader");
    *l = (cv_loader){.source = *source, .batch = (size_t)batch, .epoch = -1};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    if (source->make && !make_slots(l, (size_t)threads)) {
        cv_loader_free(l);
        return cv_no_memory(err, "the batches that are made ahead");
    }
    if (source->make && threads > 1) start_threads(l, threads);
    l->times.threads = source->make ? (l->threads ? l->threads : 1) : 0;
    *loader = l;
    return CONVO_OK;
}

void cv_loader_free(cv_loader *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int k = 0; k < l->threads; k++) pthread_join(l->thread[k], NULL);
    for (size_t k = 0; l->slot && k < l->slots; k++) {
        free(l->slot[k].value);
        free(l->slot[k].label);
        free(l->slot[k].other);
        free(l->slot[k].share);
    }
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->ready);
    free(l->thread);
    free(l->slot);
    free(l->in_order);
    free(l);
}
